// Package config is every setting of callscreen, its default and its rule, and
// the only reader of files and environment.
//
// A value comes from the last of these that has one:
//
//	default
//	file         key = value in TOML, --config or CALLSCREEN_CONFIG, else config.toml in
//	             $XDG_CONFIG_HOME/callscreen (~/.config/callscreen; macOS: ~/Library/Application
//	             Support/callscreen; Windows: %AppData%\callscreen), which need not exist
//	environment  CALLSCREEN_X_Y; an empty variable is one that is not set
//	flag         --x-y
//
// One name serves all: setting x-y, key x-y, variable CALLSCREEN_X_Y, flag
// --x-y. Secrets have no flag, because command lines are visible to every user
// of a machine.
//
// [Load] reads and gives types to values; [Settings.CheckRelay] and
// [Settings.CheckConsole] only judge. Both name every fault at once, so that a
// set-up is mended in one go, and neither ever repeats a secret.
package config
