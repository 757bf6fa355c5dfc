Medians of 15 round15; the bar of bandwidth is for the ratio and for the share of memcpy

