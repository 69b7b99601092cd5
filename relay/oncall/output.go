package oncall

import (
	"bytes"
	"log/slog"

	"callscreen/relay/call"
)

// head keeps the beginning of what is written, and takes the rest without keeping it.
type head struct {
	most int
	kept []byte
}

func (h *head) Write(p []byte) (int, error) {
	h.kept = append(h.kept, p[:min(len(p), h.most-len(h.kept))]...)
	return len(p), nil
}

const (
	mostLines = 50  // of one run that are logged
	mostLine  = 400 // bytes of a line
)

// notes logs what is written line by line, cleaned: a command may repeat what a
// caller chose.
type notes struct {
	log   *slog.Logger
	line  []byte
	lines int
}

func (n *notes) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte{'\n'})
		n.line = append(n.line, part[:min(len(part), mostLine-len(n.line))]...)
		if ended {
			n.end()
		}
		rest = after
	}
	return len(p), nil
}

// end logs the line that was begun.
func (n *notes) end() {
	line, _ := call.Clean(string(n.line), mostLine)
	n.line = n.line[:0]
	switch n.lines++; {
	case line == "":
		n.lines--
	case n.lines <= mostLines:
		n.log.Info("on-call says", "line", line)
	case n.lines == mostLines+1:
		n.log.Warn("on-call says more than is logged")
	}
}
