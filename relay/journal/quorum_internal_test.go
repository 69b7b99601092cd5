package journal

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func TestN05ALeaderThatHearsNoMajorityCannotWrite(t *testing.T) {
	peer := func(active time.Duration, offline bool) *jetstream.PeerInfo {
		return &jetstream.PeerInfo{Active: active, Offline: offline}
	}
	for name, tc := range map[string]struct {
		cluster *jetstream.ClusterInfo
		writes  bool
	}{
		"one server":             {nil, true},
		"a cluster, one replica": {&jetstream.ClusterInfo{Leader: "n0"}, true},
		"all there":              {&jetstream.ClusterInfo{Replicas: []*jetstream.PeerInfo{peer(time.Second, false), peer(time.Second, false)}}, true},
		"one of three gone":      {&jetstream.ClusterInfo{Replicas: []*jetstream.PeerInfo{peer(time.Second, false), peer(0, true)}}, true},
		"alone of three":         {&jetstream.ClusterInfo{Replicas: []*jetstream.PeerInfo{peer(6*time.Second, false), peer(time.Second, true)}}, false},
		"two of five": {&jetstream.ClusterInfo{Replicas: []*jetstream.PeerInfo{
			peer(time.Second, false), peer(time.Hour, false), peer(0, true), nil,
		}}, false},
		"three of five": {&jetstream.ClusterInfo{Replicas: []*jetstream.PeerInfo{
			peer(time.Second, false), peer(time.Second, false), peer(time.Hour, false), peer(0, true),
		}}, true},
	} {
		heard, err := quorum(tc.cluster)
		if (err == nil) != tc.writes {
			t.Errorf("%s: %v", name, err)
		}
		if tc.writes && tc.cluster != nil && len(tc.cluster.Replicas) > 0 && heard != time.Second {
			t.Errorf("%s: a majority was heard %v ago, want 1 s", name, heard)
		}
	}
}
