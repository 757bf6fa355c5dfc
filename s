Medians of 3 round3; the bar of bandwidth is for the ratio and for the share of memcpy

