// What the modules that connect an accelerator to memory have in common.
package axi_pkg;

  // The largest number that divides both, of which `b` is a power of two.
  function automatic int unit(input int a, input int b);
    unit = 1;
    while (unit < b && a % (2 * unit) == 0) unit = 2 * unit;
  endfunction

endpackage
