// What the modules that connect an accelerator to memory have in common.
package axi_pkg;

  // The largest number of bytes that divides both a beat of `bytes` bytes and a word of 8.
  function automatic int unit(input int bytes);
    unit = (bytes % 8 == 0) ? 8 : (bytes % 4 == 0) ? 4 : (bytes % 2 == 0) ? 2 : 1;
  endfunction

endpackage
