Medians of 5 round5; the bar of bandwidth is for the ratio and for the share of memcpy

