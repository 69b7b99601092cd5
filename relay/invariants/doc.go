// Package invariants runs whole callscreens — relays, consoles, callers — in
// virtual time, over a journal and a Graph that fail in every way they may, and
// checks after each run what is always true:
//
//	I1  at most one operator is ever told "yours" for a call
//	I2  every accepted decision ends in exactly one outcome, in time
//	I3  no request leaves for an unclaimed call, for a decision that was taken
//	    back or could still be, or after the deadline
//	I4  answered 202 ⊆ journal ⊆ seen by every connected console; nothing lost,
//	    nothing doubled
//	I5  nothing unverified is journaled or shown
//	I6  no secret is in the log, the journal or on a console
//
// A run follows from its seed as far as the order of goroutines allows: a failing
// seed is named, and run again with
//
//	go test ./relay/invariants -run TestInvariants -seed N -seeds 100
//
// Beside them stand runs in real time on three NATS servers that are killed,
// stand still and are cut off from each other; the long one is
//
//	go test ./relay/invariants -run TestN02 -cluster 5m -timeout 20m
//
// The package holds tests only.
package invariants
