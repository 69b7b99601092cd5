package oncall

import "os/exec"

// alone changes nothing: what a command started itself outlives it here.
func alone(*exec.Cmd) {}
