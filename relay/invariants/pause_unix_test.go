//go:build unix

package invariants

import (
	"syscall"
	"time"
)

// pause lets the server stand still for a while, as a machine that is overloaded
// or moved does.
func (s *natsServer) pause(d time.Duration) bool {
	if s.cmd.Process.Signal(syscall.SIGSTOP) != nil {
		return false
	}
	time.Sleep(d)
	return s.cmd.Process.Signal(syscall.SIGCONT) == nil
}
