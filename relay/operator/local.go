package operator

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"strings"
)

// LocalName is what the operator at this machine's own console is called: the
// user's name, in the letters that an operator's name has.
func LocalName() string {
	u, err := user.Current()
	if err != nil {
		return "local"
	}
	return localName(u.Username)
}

func localName(username string) string {
	name := username[strings.LastIndexAny(username, `\/`)+1:] // DOMAIN\name on Windows
	runes := []rune(name)
	for i, r := range runes {
		if !validName.MatchString(string(r)) {
			runes[i] = '_'
		}
	}
	if len(runes) == 0 {
		return "local"
	}
	return string(runes[:min(len(runes), longestName)])
}

// Source finds the token that a console shows: the given one or, if that is
// empty, the private one that a relay of this user left in its data directory.
// That is looked for again at every call, because the relay may come up after
// the console.
func Source(given, dir string) func() (string, error) {
	return func() (string, error) {
		if given != "" {
			return given, nil
		}
		token, err := LocalToken(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("no operator token: no relay has run here with data-dir %s, so set CALLSCREEN_TOKEN or --token-file (made by: callscreen operator add NAME)", dir)
		}
		return token, err
	}
}
