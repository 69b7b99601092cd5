package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	tomlfile "github.com/pelletier/go-toml/v2"
	"github.com/spf13/pflag"
)

// configFlag is the flag and, as CALLSCREEN_CONFIG, the variable that name the
// settings file. It is no setting: a file cannot name itself.
const configFlag = "config"

// Load reads the settings: defaults, file, environment (as from os.Environ), and
// the flags of fs that were given, of which those that are no settings are left
// alone. fs may be nil. It reads the files that hold secrets. Every fault is
// reported, joined with errors.Join; then the settings are good for Show only.
func Load(fs *pflag.FlagSet, environ []string) (Settings, error) {
	l := loader{environ: environ, merged: koanf.New(delimiter), origins: map[string]string{}}
	l.defaults()
	l.file(configPath(fs, environ))
	l.environment()
	l.flags(fs)
	s := Settings{identityEndpoint: lookup(environ, "IDENTITY_ENDPOINT")}
	err := l.apply(&s)
	return s, err
}

// With is s with the values of one more settings file laid over it, whatever
// their origin. What the file does not mention stays as it is.
func (s Settings) With(path string) (Settings, error) {
	l := loader{merged: koanf.New(delimiter), origins: map[string]string{}}
	l.file(path, true)
	maps.Copy(l.origins, keepMissing(s.origins, l.origins))
	err := l.apply(&s)
	return s, err
}

// keepMissing are the entries of old that are not in fresh.
func keepMissing(old, fresh map[string]string) map[string]string {
	kept := maps.Clone(old)
	maps.DeleteFunc(kept, func(name, _ string) bool { return fresh[name] != "" })
	return kept
}

// delimiter separates the levels of nested keys. No setting is nested, so a key
// with a dot is one that we do not know.
const delimiter = "."

// A loader collects raw values, where they came from, and what is wrong.
type loader struct {
	environ []string
	path    string // of the settings file
	found   bool   // that file
	merged  *koanf.Koanf
	origins map[string]string
	ranks   map[string]int // the layer that each value came from
	rank    int
	faults  []error
}

func (l *loader) fault(format string, args ...any) {
	l.faults = append(l.faults, fmt.Errorf(format, args...))
}

// layer merges one source. Keys it does not know are reported through unknown.
func (l *loader) layer(source koanf.Provider, origin func(name string) string, unknown func(key string)) {
	k := koanf.New(delimiter)
	if err := k.Load(source, nil); err != nil {
		l.fault("settings: %w", err)
		return
	}
	if l.ranks == nil {
		l.ranks = map[string]int{}
	}
	l.rank++
	for _, key := range k.Keys() { // sorted
		if _, ok := find(key); !ok {
			unknown(key)
			continue
		}
		l.origins[key], l.ranks[key] = origin(key), l.rank
		if err := l.merged.Set(key, k.Get(key)); err != nil {
			l.fault("%s: %w", origin(key), err)
		}
	}
}

func (l *loader) defaults() {
	values := map[string]any{}
	for _, s := range table {
		values[s.name] = s.preset
	}
	values["data-dir"] = dataDir(l.environ)
	l.layer(confmap.Provider(values, ""), func(string) string { return "default" }, func(string) {})
}

// file lays the settings file over what is there. One that was not asked for by
// name need not exist.
func (l *loader) file(path string, named bool) {
	l.path = path
	if path == "" {
		return
	}
	b, info, err := readRegular(path, maxConfig)
	l.found = err == nil
	if !named && errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		l.fault("settings file: %w", err)
		return
	}
	values, err := toml.Parser().Unmarshal(b)
	if err != nil {
		l.fault("settings file %s: %w", path, position(err))
		return
	}
	if err := judgeConfigMode(path, info, holdsSecret(values)); err != nil {
		l.faults = append(l.faults, err)
	}
	l.layer(confmap.Provider(values, ""),
		func(string) string { return "file " + path },
		func(key string) { l.fault("settings file %s: there is no setting %q%s", path, key, hint(key)) })
}

// hint helps with the likeliest slips: the spelling of another source, a letter
// too many, too few, wrong, or two in the wrong order.
func hint(key string) string {
	name := strings.ReplaceAll(strings.ToLower(key), "_", "-")
	if _, ok := find(name); ok {
		return fmt.Sprintf(" (it is called %s)", name)
	}
	if name := closest(name); name != "" {
		return fmt.Sprintf(" (did you mean %s?)", name)
	}
	return ""
}

// position tells where a file is wrong without quoting it: the place may hold a
// secret.
func position(err error) error {
	if at, ok := errors.AsType[*tomlfile.DecodeError](err); ok {
		row, column := at.Position()
		return fmt.Errorf("line %d, column %d is not TOML (text values need quotes: key = \"value\")", row, column)
	}
	return errors.New("is not TOML")
}

func holdsSecret(values map[string]any) bool {
	for key, value := range values {
		s, known := find(key)
		text, _ := value.(string)
		if known && (s.secret || s.name == "nats-url" && hasPassword(text)) {
			return true
		}
	}
	return false
}

func (l *loader) environment() {
	source := env.Provider("", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return l.environ },
		TransformFunc: func(key, value string) (string, any) {
			if value == "" || key == envPrefix+strings.ToUpper(configFlag) {
				return "", nil
			}
			for _, s := range table {
				if variable(s.name) == key {
					return s.name, value
				}
			}
			return key, value // reported below under its own name
		},
	})
	l.layer(source,
		func(name string) string { return "environment " + variable(name) },
		func(key string) {
			near := ""
			if name := closest(strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(key, envPrefix), "_", "-"))); name != "" {
				near = fmt.Sprintf(" (did you mean %s?)", variable(name))
			}
			l.fault("environment: there is no setting for %s%s", key, near)
		})
}

func (l *loader) flags(fs *pflag.FlagSet) {
	if fs == nil {
		return
	}
	source := posflag.ProviderWithFlag(fs, "", nil, func(f *pflag.Flag) (string, any) {
		if s, ok := find(f.Name); !ok || s.secret || !f.Changed {
			return "", nil // a flag of the command's own
		}
		return f.Name, posflag.FlagVal(fs, f)
	})
	l.layer(source, func(name string) string { return "flag --" + name }, func(string) {})
}

// apply gives the collected values their types and places, reads the files that
// hold secrets, and returns every fault there was.
func (l *loader) apply(s *Settings) error {
	s.origins, s.faulty = l.origins, map[string]bool{}
	s.file, s.found = l.path, l.found
	for _, row := range table {
		if !l.merged.Exists(row.name) {
			continue
		}
		if err := row.set(s, l.merged.Get(row.name)); err != nil {
			s.faulty[row.name] = true
			l.fault("%s (%s) %w", row.name, l.origins[row.name], err)
		}
	}
	for _, row := range table {
		if row.file != "" && l.merged.Exists(row.file) {
			l.secretFile(s, row)
		}
	}
	if strings.HasPrefix(l.origins["nats-url"], "flag") && hasPassword(s.NATSURL.Reveal()) {
		l.fault("nats-url: a password on the command line can be read by every user of this machine: set %s instead", variable("nats-url"))
	}
	return errors.Join(l.faults...)
}

// secretFile reads the file of a secret, unless the secret itself was given in a
// later layer.
func (l *loader) secretFile(s *Settings, row setting) {
	fileRow, _ := find(row.file)
	path, ok := fileRow.at(s).(*string)
	secret, ok2 := row.at(s).(*Secret)
	if !ok || !ok2 || *path == "" {
		return
	}
	if *secret != "" {
		switch cmp.Compare(l.ranks[row.name], l.ranks[row.file]) {
		case 1:
			return
		case 0:
			l.fault("%s and %s are both set (%s): keep one", row.name, row.file, l.origins[row.name])
			return
		}
	}
	text, err := readSecret(*path)
	if err != nil {
		l.fault("%s: %w", row.file, err)
		return
	}
	*secret = text
	l.origins[row.name] = "file " + *path
}

// hasPassword tells whether one of the addresses holds user information.
func hasPassword(urls string) bool {
	return slices.ContainsFunc(strings.Split(urls, ","), func(one string) bool {
		u, err := url.Parse(strings.TrimSpace(one))
		return err != nil && strings.Contains(one, "@") || err == nil && u.User != nil
	})
}

// configPath is the settings file, and whether it was asked for by name.
func configPath(fs *pflag.FlagSet, environ []string) (path string, named bool) {
	if fs != nil {
		if f := fs.Lookup(configFlag); f != nil && f.Changed {
			return f.Value.String(), true
		}
	}
	if path := lookup(environ, envPrefix+strings.ToUpper(configFlag)); path != "" {
		return path, true
	}
	return defaultConfig(environ), false
}

func lookup(environ []string, name string) string {
	value := ""
	for _, entry := range environ {
		if k, v, ok := strings.Cut(entry, "="); ok && k == name {
			value = v // the last one counts, as for a process
		}
	}
	return value
}
