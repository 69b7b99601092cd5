package memnet

import (
	"testing"
	"time"
)

func TestTheNetworkOfTheTestsSwallowsAfterACut(t *testing.T) {
	n := New()
	go func() {
		c, err := n.Accept()
		if err == nil {
			_, _ = c.Write([]byte("a"))
		}
	}()
	c, err := n.Dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 4)
	if got, err := c.Read(p); got != 1 || err != nil {
		t.Fatalf("read %d, %v", got, err)
	}
	n.Cut(true, true)
	if _, err := c.Write([]byte("b")); err != nil {
		t.Errorf("a cut is noticed by the writer: %v", err)
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := c.Read(p); err == nil {
		t.Error("something came through the cut")
	}
}
