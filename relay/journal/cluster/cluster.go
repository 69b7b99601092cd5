// Package cluster is NATS servers in this process that form a cluster of their
// own on loopback: for trying out several relays, and for tests. Nobody but who
// knows its random passwords gets in, as a client or as a server, and every
// server syncs before it acknowledges. It is no way to run a service: what ends
// this process ends all of its servers at once.
package cluster

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	host = "127.0.0.1"
	user = "callscreen"
	// startPatience is for servers that find each other and choose a leader, which
	// they cannot where a port was taken before they listened; then others are tried.
	startPatience = 8 * time.Second
	tries         = 4
	// storeLimit bounds what each server keeps on disk.
	storeLimit = 1 << 30
)

// A Cluster is running servers. Its owner closes it.
type Cluster struct {
	servers  []*server.Server
	password string
}

// Start runs n servers that keep their records below dir, and returns when they
// have chosen a leader and know each other. One server is no cluster.
func Start(dir string, n int) (c *Cluster, err error) {
	for try := range tries {
		if c, err = start(filepath.Join(dir, strconv.Itoa(try)), n); err == nil {
			return c, nil
		}
	}
	return nil, fmt.Errorf("cluster: %w", err)
}

func start(dir string, n int) (*Cluster, error) {
	ports, err := freePorts(n)
	if err != nil {
		return nil, err
	}
	c := &Cluster{password: rand.Text()}
	between := url.UserPassword(user, rand.Text())
	var routes []*url.URL
	for _, port := range ports {
		routes = append(routes, &url.URL{Scheme: "nats", User: between, Host: net.JoinHostPort(host, strconv.Itoa(port))})
	}
	for i, port := range ports {
		o := c.options(filepath.Join(dir, "n"+strconv.Itoa(i+1)), i)
		if n > 1 {
			secret, _ := between.Password()
			o.Cluster = server.ClusterOpts{Name: "trial", Host: host, Port: port, Username: user, Password: secret}
			o.Routes = routes
		}
		srv, err := server.NewServer(o)
		if err != nil {
			c.Close()
			return nil, err
		}
		c.servers = append(c.servers, srv)
		srv.Start()
	}
	if err := c.await(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) options(dir string, i int) *server.Options {
	return &server.Options{
		ServerName: "n" + strconv.Itoa(i+1), Host: host, Port: server.RANDOM_PORT, HTTPHost: host, HTTPPort: server.RANDOM_PORT,
		Username: user, Password: c.password, NoSigs: true, NoLog: true, DisableJetStreamBanner: true,
		JetStream: true, StoreDir: dir, SyncAlways: true, JetStreamMaxStore: storeLimit, JetStreamMaxMemory: storeLimit / 16,
	}
}

// freePorts are ports that nobody used a moment ago. The servers must know each
// other's before any of them listens.
func freePorts(n int) (ports []int, err error) {
	for range n {
		ln, err := net.Listen("tcp", net.JoinHostPort(host, "0")) //nolint:noctx // loopback, and closed at once
		if err != nil {
			return nil, err
		}
		defer func() { _ = ln.Close() }()
		addr, _ := ln.Addr().(*net.TCPAddr)
		ports = append(ports, addr.Port)
	}
	return ports, nil
}

// await returns when every server knows all others and the leader.
func (c *Cluster) await() error {
	for deadline := time.Now().Add(startPatience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if c.ready() {
			return nil
		}
	}
	return errors.New("the servers did not find each other")
}

func (c *Cluster) ready() bool {
	led := len(c.servers) == 1
	for _, s := range c.servers {
		if !s.ReadyForConnections(startPatience) || !s.JetStreamEnabled() {
			return false
		}
		if len(c.servers) > 1 {
			led = led || s.JetStreamIsLeader()
			if s.NumRoutes() < len(c.servers)-1 || len(s.JetStreamClusterPeers()) == 0 && s.JetStreamIsLeader() || !s.JetStreamIsCurrent() {
				return false
			}
		}
	}
	return led
}

// URL is the servers' addresses with user and password, separated by commas, as a
// journal takes them.
func (c *Cluster) URL() string {
	var urls []string
	for _, s := range c.servers {
		urls = append(urls, (&url.URL{Scheme: "nats", User: url.UserPassword(user, c.password), Host: s.Addr().String()}).String())
	}
	return strings.Join(urls, ",")
}

// Monitors are the servers' monitoring addresses.
func (c *Cluster) Monitors() (urls []string) {
	for _, s := range c.servers {
		urls = append(urls, "http://"+s.MonitorAddr().String())
	}
	return urls
}

// Stop ends one server for good, as a power cut of one machine would.
func (c *Cluster) Stop(i int) {
	c.servers[i].Shutdown()
	c.servers[i].WaitForShutdown()
}

// Close ends all servers.
func (c *Cluster) Close() {
	for i := range c.servers {
		c.Stop(i)
	}
}
