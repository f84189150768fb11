// What is common to all that has thresholds: how many bits describe those of one lane, and where they are written.
package threshold_pkg;

  // `folds` rows of 2^levels - 1 thresholds of `width` bits, or with line > 0 of a line in `line` bits each;
  // see threshold_search and threshold_line. Without levels there are none, and the bits stand for nothing.
  function automatic int lane_bits(input int folds, input int levels, input int width, input int line);
    if (levels == 0) lane_bits = folds * width;
    else if (line == 0) lane_bits = folds * ((1 << levels) - 1) * width;
    else lane_bits = folds * (2 * line - levels + (1 << levels));
  endfunction

  // Bits of the number of a candidate within its level of a lane of `folds` rows, whichever the level; and of the
  // address of a word in a lane. A word holds a candidate.
  function automatic int entry_width(input int folds, input int levels);
    entry_width = $clog2(folds << (levels - 1));
  endfunction

  function automatic int lane_width(input int folds, input int levels);
    lane_width = entry_width(folds, levels) + $clog2(levels);
  endfunction

endpackage
