package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"callscreen/config"
)

// proves K-01 for settings: whatever prints them, no secret comes out.
func TestK01ASecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	s := ready(t)
	s.Token, s.NATSURL = canary, "nats://relay:"+canary+"@host"
	byKey := map[config.Secret]int{canary: 1}

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%q", "%s", "%x", "%X", "%d", "%10s", "%t", "%T"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+" "+verb+"\n", s, &s, s.ClientSecret, []config.Secret{s.Token})
	}
	fmt.Fprintln(&out, s, byKey, errors.New("wrapped: "+fmt.Sprint(s.ClientSecret)))
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("settings", slog.Any("all", s), slog.Any("pointer", &s), slog.Any("secret", s.Token), slog.String("text", s.Token.String()))
	}
	for _, v := range []any{s, &s, s.Token, []config.Secret{canary}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	for line := range strings.Lines(out.String()) {
		for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary)} {
			if at := strings.Index(line, form); at >= 0 {
				t.Errorf("a secret came out after %q", line[max(0, at-40):at])
			}
		}
	}
	if s.ClientSecret.Reveal() != canary {
		t.Error("Reveal does not give the secret")
	}
	// The twin: a plain string in the same place is seen by this check.
	if !strings.Contains(fmt.Sprintf("%+v", struct{ Secret string }{canary}), canary) {
		t.Error("the check could not notice a secret")
	}
}

func TestASecretTellsOnlyWhetherItIsSet(t *testing.T) {
	t.Parallel()
	if a, b := config.Secret("").String(), config.Secret("x").String(); a != "[not set]" || b != "[secret]" {
		t.Errorf("%q %q", a, b)
	}
}

func TestASecretComesFromItsFile(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{canary: canary, canary + "\n": canary, canary + "\r\n": canary, " a b ": " a b "} {
		path := file(t, "secret", content)
		s := load(t, flags(t, "--client-secret-file", path), home(t, "CALLSCREEN_TOKEN_FILE="+path))
		if s.ClientSecret.Reveal() != want || s.Token.Reveal() != want {
			t.Errorf("%q gave another secret", content)
		}
		if got := s.Origin("client-secret"); got != "file "+path {
			t.Errorf("it comes from %q", got)
		}
	}
}

func TestASecretFileHoldsOneLine(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"": "is empty", "\n": "is empty", canary + "\nmore": "on one line", canary + "\x00": "on one line",
		strings.Repeat(canary, 2000): "is larger than",
	} {
		_, err := config.Load(flags(t, "--token-file", file(t, "secret", content)), home(t))
		wantAll(t, err, "token-file: ", want)
	}
}

func TestALaterSecretWinsOverAnEarlierFileAndTheReverse(t *testing.T) {
	t.Parallel()
	path := file(t, "secret", "from file")
	viaFile := file(t, "c.toml", "client-secret-file = \""+path+"\"")
	s := load(t, flags(t, "--config", viaFile), home(t, "CALLSCREEN_CLIENT_SECRET=from environment"))
	if s.ClientSecret.Reveal() != "from environment" || s.Origin("client-secret") != "environment CALLSCREEN_CLIENT_SECRET" {
		t.Errorf("environment over file: from %q", s.Origin("client-secret"))
	}
	s = load(t, flags(t, "--client-secret-file", path), home(t, "CALLSCREEN_CLIENT_SECRET=from environment"))
	if s.ClientSecret.Reveal() != "from file" {
		t.Errorf("flag over environment: from %q", s.Origin("client-secret"))
	}
	_, err := config.Load(nil, home(t, "CALLSCREEN_CLIENT_SECRET="+canary, "CALLSCREEN_CLIENT_SECRET_FILE="+path))
	wantAll(t, err, "client-secret and client-secret-file are both set")
}

func TestK01APasswordInAnAddressIsNoFlag(t *testing.T) {
	t.Parallel()
	_, err := config.Load(flags(t, "--nats-url", "nats://relay:"+canary+"@host"), home(t))
	wantAll(t, err, "nats-url: a password on the command line", "CALLSCREEN_NATS_URL")
	s := load(t, flags(t, "--nats-url", "nats://host"), home(t))
	if s.NATSURL.Reveal() != "nats://host" {
		t.Error("an address without a password was refused")
	}
	load(t, nil, home(t, "CALLSCREEN_NATS_URL=nats://relay:"+canary+"@host"))
}
