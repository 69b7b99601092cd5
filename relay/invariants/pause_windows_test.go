package invariants

import "time"

// pause is not to be had on Windows.
func (s *natsServer) pause(time.Duration) bool { return false }
