package journal_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"callscreen/relay/journal"
	"callscreen/relay/journal/cluster"
)

func trio(t *testing.T) *cluster.Cluster {
	t.Helper()
	c, err := cluster.Start(t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// monitored is a single server that syncs as given, and its monitoring address.
func monitored(t *testing.T, change func(o *server.Options)) (url, monitor string) {
	t.Helper()
	srv := guarded(t, func(o *server.Options) {
		o.HTTPHost, o.HTTPPort = "127.0.0.1", server.RANDOM_PORT
		change(o)
	})
	return srv.ClientURL(), "http://" + srv.MonitorAddr().String()
}

func TestN01WhatARecordIsWorthIsSaidExactly(t *testing.T) {
	t.Parallel()
	lazy, lazyMonitor := monitored(t, func(*server.Options) {})
	prompt, promptMonitor := monitored(t, func(o *server.Options) { o.SyncAlways = true })
	three := trio(t)
	for name, c := range map[string]struct {
		o                journal.Options
		describe, notice string
	}{
		"embedded":             {journal.Options{Dir: t.TempDir() + "/j"}, "embedded, 1 replica, synced before acknowledged", ""},
		"embedded, not synced": {journal.Options{Dir: t.TempDir() + "/j", NoSync: true}, "embedded, NOT synced: a power cut or crash loses records (measurements only)", "journal: not synced"},
		"one, nobody to ask":   {journal.Options{URL: lazy}, "external, 1 replica, sync unknown: advised are 3 replicas and sync_interval: always", "journal: 1 replica, sync unknown"},
		"one, lazy":            {journal.Options{URL: lazy, Monitors: []string{lazyMonitor}}, "external, 1 replica, synced every 2m: advised are 3 replicas and sync_interval: always", "journal: 1 replica, synced every 2m"},
		"one, prompt":          {journal.Options{URL: prompt, Monitors: []string{promptMonitor + "/"}}, "external, 1 replica, synced before acknowledged: advised are 3 replicas", "journal: 1 replica"},
		"another's monitor":    {journal.Options{URL: lazy, Monitors: []string{promptMonitor}}, "external, 1 replica, sync unknown: advised are 3 replicas and sync_interval: always", "journal: 1 replica, sync unknown"},
		"three, nobody to ask": {journal.Options{URL: three.URL()}, "external, 3 replicas, sync unknown: advised is sync_interval: always", "journal: sync unknown"},
		"three, two asked":     {journal.Options{URL: three.URL(), Monitors: three.Monitors()[:2]}, "external, 3 replicas, sync unknown: advised is sync_interval: always", "journal: sync unknown"},
		"three, prompt":        {journal.Options{URL: three.URL(), Monitors: three.Monitors()}, "external, 3 replicas, synced before acknowledged", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := mustOpen(t, c.o)
			if got := j.Describe(); got != c.describe {
				t.Errorf("described as %q, want %q", got, c.describe)
			}
			if got := j.Notice(); got != c.notice {
				t.Errorf("notice %q, want %q", got, c.notice)
			}
		})
	}
}

func TestN01AMonitorThatSaysNothingOfUseLeavesItUnknownAndHearsNoSecret(t *testing.T) {
	t.Parallel()
	srv := guarded(t, func(o *server.Options) { o.Username, o.Password = "relay", "hunter2" })
	for _, answer := range []func(w http.ResponseWriter, r *http.Request){
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
		func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/varz", http.StatusFound)
		},
		func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"server_name":`) },
		func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"server_name":%q,"jetstream":{}}`, srv.Name())
		},
		func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"server_name":%q,"jetstream":{"config":{}}}`, srv.Name())
		},
		func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat(" ", 2<<20)+"{}") },
	} {
		asked := false
		m := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = true
			if said := fmt.Sprint(r.URL, r.Header); r.URL.Path != "/varz" || strings.Contains(said, "hunter2") || r.Header.Get("Authorization") != "" {
				t.Errorf("asked %s", said)
			}
			answer(w, r)
		}))
		j := mustOpen(t, journal.Options{URL: address(srv, "nats", "relay:hunter2@"), Monitors: []string{m.URL}})
		m.Close()
		if got := j.Notice(); !asked || got != "journal: 1 replica, sync unknown" {
			t.Errorf("asked %v, notice %q", asked, got)
		}
	}
}

// The stream is being made, or has no leader yet, when the others ask for it.
func TestRelaysThatStartAtOnceOnAnEmptyClusterAllFindTheJournal(t *testing.T) {
	t.Parallel()
	three := trio(t)
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			j, err := journal.Open(t.Context(), journal.Options{URL: three.URL()})
			if err != nil {
				t.Error(err)
				return
			}
			if got := j.Describe(); !strings.HasPrefix(got, "external, 3 replicas") {
				t.Errorf("described as %q", got)
			}
			mustClose(t, j)
		})
	}
	all.Wait()
}
