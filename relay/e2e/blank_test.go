package e2e

import (
	"net"
	"strings"
	"testing"
)

// TestW14EachBlankSettingKeepsARelayFromListening holds the relay's address: one
// that tried to listen would end with another code.
func TestW14EachBlankSettingKeepsARelayFromListening(t *testing.T) {
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	const id = "01234567-89ab-cdef-0123-456789abcdef"
	relay := func(name, value string) (code int, stderr string) {
		settings := map[string]string{
			"client-id": id, "tenant-id": id, "client-secret": "s", "listen": ln.Addr().String(), "webhook-issuers": "https://i.example", "allowed-tenants": id,
			"webhook-audiences": "api://" + id,
		}
		settings[name] = value
		cmd := command(t.TempDir(), "relay")
		for name, value := range settings {
			cmd.Env = append(cmd.Env, "CALLSCREEN_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+value)
		}
		var out strings.Builder
		cmd.Stderr = &out
		if cmd.Run() == nil {
			t.Fatalf("a relay with %s=%q ended well", name, value)
		}
		return cmd.ProcessState.ExitCode(), out.String()
	}
	for _, tt := range []struct{ name, value string }{
		{"client-id", ""},
		{"client-id", " "},
		{"tenant-id", ""},
		{"tenant-id", " "},
		{"client-secret", ""},
		{"client-secret", " "},
		{"data-dir", " "},
		{"webhook-issuers", "https://i.example,"},
		{"webhook-issuers", " , "},
		{"allowed-tenants", id + ", "},
		{"webhook-audiences", ","},
	} {
		if code, stderr := relay(tt.name, tt.value); code != 2 || !strings.Contains(stderr, tt.name) {
			t.Errorf("%s=%q: exit code %d, %s", tt.name, tt.value, code, stderr)
		}
	}
	// The planted bug: with nothing blank the relay does try to listen, and says so.
	if code, stderr := relay("client-id", id); code != 1 || !strings.Contains(stderr, "is in use") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
