"""An outage, rehearsed on a live edge node: the API server is cut off for some minutes, everything else is
left alone, and what would have survived is told.

A drill is not in the journal. It leaves nothing on the node that could be taken back later: the block and
the timer that lifts it live in the kernel and in systemd's memory, and neither outlasts a boot. Of a drill
that was killed, `edgeadm reset` and `edgeadm drill lift` find the table by its name."""
