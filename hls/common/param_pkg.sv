// The bus that carries parameters to memories that can be written while a design is idle: a word of 32 bits, where it
// goes, and whether there is one, {valid, address, data}.
package param_pkg;

  localparam int BITS = 65;

endpackage
