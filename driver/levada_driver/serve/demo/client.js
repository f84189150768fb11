// The Open Inference Protocol with binary tensors, and the server's other paths.

const ARRAYS = {
  BOOL: Uint8Array, UINT8: Uint8Array, UINT16: Uint16Array, UINT32: Uint32Array, UINT64: BigUint64Array,
  INT8: Int8Array, INT16: Int16Array, INT32: Int32Array, INT64: BigInt64Array, FP32: Float32Array,
};
const LENGTH = "Inference-Header-Content-Length";
const TOKEN = "levada-token";

// What a server refuses: its status, and its reason as the message.
export class Refused extends Error {
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

export function useToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

async function ask(path, options = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  const answer = await fetch(path, { ...options, headers });
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, said.error ?? `the server answered ${answer.status}`);
  }
  return answer;
}

export async function get(path) {
  return (await ask(path)).json();
}

// An array of the input's datatype for one frame, to be filled in.
export function frame(tensor) {
  return new ARRAYS[tensor.datatype](tensor.shape.slice(1).reduce((a, b) => a * b, 1));
}

// The outputs for one frame: [{name, datatype, shape of the frame, data}].
export async function infer(model, tensor, data) {
  const input = {
    name: tensor.name, datatype: tensor.datatype, shape: [1, ...tensor.shape.slice(1)],
    parameters: { binary_data_size: data.byteLength },
  };
  const head = new TextEncoder().encode(
    JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } }));
  const answer = await ask(`/v2/models/${encodeURIComponent(model)}/infer`, {
    method: "POST", body: new Blob([head, data]), headers: { [LENGTH]: String(head.length) },
  });
  const body = await answer.arrayBuffer();
  let start = Number(answer.headers.get(LENGTH));
  const described = JSON.parse(new TextDecoder().decode(new Uint8Array(body, 0, start)));
  return described.outputs.map((output) => {
    const end = start + output.parameters.binary_data_size;
    const values = new ARRAYS[output.datatype](body.slice(start, end));
    start = end;
    return { name: output.name, datatype: output.datatype, shape: output.shape.slice(1), data: values };
  });
}
