package graph

import "testing"

func BenchmarkAuthenticate(b *testing.B) {
	a := heldAuthenticator(b, atIssue, microsoft())
	genuine := withToken(microsoft().token(issuedAt, nil))
	forged := withToken(forger().token(issuedAt, nil))
	b.Run("genuine", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := a.Authenticate(b.Context(), genuine); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("forged", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := a.Authenticate(b.Context(), forged); err == nil {
				b.Fatal("accepted")
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for name, body := range map[string]string{
		"full":    incomingCall,
		"deleted": batchOf(`{"changeType":"deleted","resource":"/app/calls/` + testCall + `","resourceUrl":"/communications/calls/` + testCall + `"}`),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if _, err := Decode([]byte(body)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
