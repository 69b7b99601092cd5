package cert

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// disk is the two files.
type disk struct {
	mu        sync.Mutex
	cert, key []byte
	err       error
	reads     int
}

func (d *disk) read() (cert, key []byte, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reads++
	return d.cert, d.key, d.err
}

func (d *disk) write(cert, key []byte, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cert, d.key, d.err = cert, key, err
}

// bubble is Files at work on a disk, in virtual time.
type bubble struct {
	*testing.T
	d   *disk
	f   *Files
	log *journal
}

func inBubble(t *testing.T, valid time.Duration, story func(bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d, log := &disk{}, &journal{}
		d.cert, d.key = selfSigned(t, "first.example", time.Now(), valid)
		f, err := Open(d.read, log.logger())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		story(bubble{t, d, f, log})
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func name(f *Files) string { return f.current().Leaf.DNSNames[0] }

func TestANewCertificateIsServedWithinTenSeconds(t *testing.T) {
	inBubble(t, 90*24*time.Hour, func(t bubble) {
		time.Sleep(time.Minute)
		if name(t.f) != "first.example" || t.log.count("level=") != 0 {
			t.Errorf("%s is served, and it said %s", name(t.f), &t.log.buf)
		}
		cert, key := selfSigned(t.T, "second.example", time.Now(), time.Hour*24*90)
		t.d.write(cert, key, nil)
		time.Sleep(lookEvery)
		synctest.Wait()
		if name(t.f) != "second.example" || t.log.count("a new certificate is served") != 1 {
			t.Errorf("%s is served, and it said %s", name(t.f), &t.log.buf)
		}
	})
}

// Whoever renews writes one file after the other, and may make a mistake: the old
// pair stays, and the log says so once, however long it lasts.
func TestAPairThatDoesNotServeLeavesTheOldOneAndIsSaidOnce(t *testing.T) {
	inBubble(t, 90*24*time.Hour, func(t bubble) {
		oldCert, oldKey := t.d.cert, t.d.key
		cert, key := selfSigned(t.T, "second.example", time.Now(), 90*24*time.Hour)
		broken := []func(){
			func() { t.d.write(cert, oldKey, nil) },                          // of two pairs
			func() { t.d.write(cert[:len(cert)/2], key, nil) },               // half written
			func() { t.d.write(cert, nil, nil) },                             // the key to come
			func() { t.d.write(nil, nil, errors.New("tls-key: chmod 600")) }, // refused by its mode
		}
		for i, breaks := range broken {
			breaks()
			time.Sleep(time.Minute)
			synctest.Wait()
			if name(t.f) != "first.example" || t.f.Ready() != nil || t.log.count("the old one stays") != i+1 {
				t.Errorf("break %d: %s is served (%v), and it said %s", i, name(t.f), t.f.Ready(), &t.log.buf)
			}
		}
		t.d.write(oldCert, oldKey, nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if t.log.count("is served again") != 1 || t.log.count("level=") != len(broken)+1 {
			t.Errorf("mended, it said %s", &t.log.buf)
		}
		t.d.write(cert, key, nil)
		time.Sleep(lookEvery)
		synctest.Wait()
		if name(t.f) != "second.example" {
			t.Errorf("%s is served", name(t.f))
		}
	})
}

// Also by a renewal that went wrong: what is out of its time does not take the
// place of what is within it, but serves from when its time has come.
func TestAPairOutOfItsTimeDoesNotReplaceOneWithinIt(t *testing.T) {
	inBubble(t, 90*24*time.Hour, func(t bubble) {
		late, lateKey := selfSigned(t.T, "late.example", time.Now().Add(-2*time.Hour), time.Hour)
		early, earlyKey := selfSigned(t.T, "early.example", time.Now().Add(time.Hour), time.Hour)
		for i, put := range []func(){func() { t.d.write(late, lateKey, nil) }, func() { t.d.write(early, earlyKey, nil) }} {
			put()
			time.Sleep(time.Minute)
			synctest.Wait()
			if name(t.f) != "first.example" || t.f.Ready() != nil || t.log.count("the old one stays") != i+1 {
				t.Errorf("pair %d: %s is served (%v), and it said %s", i, name(t.f), t.f.Ready(), &t.log.buf)
			}
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if name(t.f) != "early.example" || t.f.Ready() != nil {
			t.Errorf("in its time: %s is served (%v)", name(t.f), t.f.Ready())
		}
	})
}

func TestACertificateThatEndsIsRemindedOfOnceAndThenNotReady(t *testing.T) {
	inBubble(t, 8*24*time.Hour, func(t bubble) {
		time.Sleep(24*time.Hour - time.Minute)
		synctest.Wait()
		if t.log.count("ends soon") != 0 {
			t.Error("reminded too early")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if t.log.count("ends soon") != 1 || t.f.Ready() != nil {
			t.Errorf("%v, and it said %s", t.f.Ready(), &t.log.buf)
		}
		time.Sleep(7 * 24 * time.Hour)
		synctest.Wait()
		if t.log.count("ends soon") != 1 || t.f.Ready() == nil {
			t.Errorf("%v, and it said %s", t.f.Ready(), &t.log.buf)
		}
		cert, key := selfSigned(t.T, "second.example", time.Now().Add(time.Hour), time.Hour)
		t.d.write(cert, key, nil)
		time.Sleep(lookEvery)
		synctest.Wait()
		if t.f.Ready() == nil || t.log.count("ends soon") != 2 {
			t.Errorf("not begun yet: %v, and it said %s", t.f.Ready(), &t.log.buf)
		}
	})
}

func TestOpenRefusesWhatCannotBeServed(t *testing.T) {
	for _, d := range []*disk{{}, {err: errors.New("refused")}, {cert: []byte("x"), key: []byte("y")}} {
		if _, err := Open(d.read, (&journal{}).logger()); err == nil {
			t.Errorf("%q was opened", d.cert)
		}
	}
}

// proves the serving half of G-03's rule for our own port: nothing older than
// TLS 1.2, and a client that connects again gets the new certificate.
func TestARealHandshakeServesWhatIsThereNow(t *testing.T) {
	d := &disk{}
	d.cert, d.key = selfSigned(t, "first.example", time.Now(), time.Hour)
	f, err := Open(d.read, (&journal{}).logger())
	if err != nil {
		t.Fatal(err)
	}
	at := serve(t, f.TLS())
	d.write(selfSignedFor(t, "second.example"))
	for _, want := range []string{"first.example", "second.example"} {
		got, err := leaf(at, "anything.example", nil)
		if err != nil || !slices.Equal(got.DNSNames, []string{want}) {
			t.Errorf("served %v, %v; want %s", got, err, want)
		}
		f.look()
	}
	if _, err := leaf(at, "first.example", nil, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }); err == nil {
		t.Error("TLS 1.1 was served")
	}
}

func selfSignedFor(t *testing.T, name string) (cert, key []byte, err error) {
	t.Helper()
	cert, key = selfSigned(t, name, time.Now(), time.Hour)
	return cert, key, nil
}
