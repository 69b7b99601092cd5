package memnet

import (
	"fmt"
	"net"
	"testing"
)

func TestAFreePortIsGivenOutOnceAndCanBeListenedOn(t *testing.T) {
	seen := map[int]bool{}
	for range 50 {
		port, err := FreePort()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] || port < lowestPort || port >= lowestPort+portRange {
			t.Errorf("port %d: given out before (%v), or out of range", port, seen[port])
		}
		seen[port] = true
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		_ = ln.Close()
	}
}
