//go:build unix

package config

import (
	"strings"
	"testing"
)

func TestK02AFileOfAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		owner, me int
		want      string
	}{
		{1000, 1000, ""},
		{0, 1000, ""},
		{0, 0, ""},
		{1001, 1000, "belongs to another user (id 1001): run: chown 1000 'f'"},
		{1000, 0, "belongs to another user (id 1000): run: chown 0 'f'"},
	} {
		err := judgeOwnerID("f", c.owner, c.me)
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("owner %d, me %d: %v", c.owner, c.me, err)
		}
	}
}
