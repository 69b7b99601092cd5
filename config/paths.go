package config

import (
	"cmp"
	"path/filepath"
	"runtime"
	"strings"
)

// dataDir is the default of data-dir. It is worked out from the environment that
// Load was given and not from the process's, so that it can be tested; the rules
// are those of os.UserConfigDir, for data.
func dataDir(environ []string) string {
	return userDir(environ, runtime.GOOS, "XDG_DATA_HOME", "LocalAppData", ".local/share")
}

// defaultConfig is where the settings file is looked for.
func defaultConfig(environ []string) string {
	dir := userDir(environ, runtime.GOOS, "XDG_CONFIG_HOME", "AppData", ".config")
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "config.toml")
}

// userDir is empty if the environment does not tell where the user lives. As the
// XDG specification asks, a relative path is ignored.
func userDir(environ []string, goos, xdg, windows, below string) string {
	if dir := lookup(environ, xdg); filepath.IsAbs(dir) {
		return filepath.Join(dir, "callscreen")
	}
	if goos == "windows" {
		if dir := cmp.Or(lookup(environ, windows), lookup(environ, strings.ToUpper(windows))); dir != "" {
			return filepath.Join(dir, "callscreen")
		}
		return ""
	}
	home := lookup(environ, "HOME")
	switch {
	case home == "":
		return ""
	case goos == "darwin":
		return filepath.Join(home, "Library", "Application Support", "callscreen")
	default:
		return filepath.Join(home, filepath.FromSlash(below), "callscreen")
	}
}
