package cluster

import (
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func TestTheServersAreThreeOnLoopbackAndAdmitNobodyWithoutThePassword(t *testing.T) {
	t.Parallel()
	c, err := Start(t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	for _, s := range c.servers {
		if _, err := nats.Connect("nats://" + s.Addr().String()); err == nil {
			t.Errorf("%s admits anybody", s.Name())
		}
		if !s.Addr().(*net.TCPAddr).IP.IsLoopback() || !s.ClusterAddr().IP.IsLoopback() || !s.MonitorAddr().IP.IsLoopback() {
			t.Errorf("%s can be reached from elsewhere", s.Name())
		}
	}
	// A server that does not know the other password becomes no part of it.
	o := c.options(t.TempDir(), 7)
	o.Cluster = server.ClusterOpts{Name: "trial", Host: host, Port: server.RANDOM_PORT}
	o.Routes = []*url.URL{{Scheme: "nats", Host: c.servers[0].ClusterAddr().String()}}
	stranger, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	stranger.Start()
	<-time.After(500 * time.Millisecond) // several tries of its own
	if n := stranger.NumRoutes(); n > 0 {
		t.Errorf("a stranger has %d routes into the cluster", n)
	}
	stranger.Shutdown()
	nc, err := nats.Connect(c.URL(), nats.Timeout(5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	if got := len(c.Monitors()); got != 3 {
		t.Errorf("%d monitors", got)
	}
}
