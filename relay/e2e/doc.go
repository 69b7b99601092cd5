// Package e2e tests callscreen from the outside: the built program in scripts
// and in a real terminal, relays that are killed, and the arrows between the
// packages. It holds tests only.
package e2e
