package memnet

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
)

// The ports given out lie below those that systems hand to whoever asks for any,
// so that nobody else's connection takes one between two starts of a server.
const (
	lowestPort = 20_000
	portRange  = 10_000
)

var nextPort atomic.Uint32

func init() { nextPort.Store(rand.Uint32N(portRange)) } //nolint:gosec // keeps test processes apart, guards nothing

// FreePort is a loopback port that nobody listens on, for a server that has to be
// told its address before it starts, or starts again at the same one. No process
// is given a port twice.
func FreePort() (int, error) {
	for range portRange {
		port := lowestPort + int(nextPort.Add(1)%portRange)
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)) //nolint:noctx // it listens for a moment
		if err == nil {
			return port, ln.Close()
		}
	}
	return 0, fmt.Errorf("no port of 127.0.0.1 from %d on is free", lowestPort)
}
