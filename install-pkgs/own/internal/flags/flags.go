// Package flags has types of command-line flags that the standard library lacks.
package flags

import "strings"

// List is the value of a flag that may be repeated.
type List []string

// String returns the values, separated by commas.
func (l *List) String() string { return strings.Join(*l, ",") }

// Set appends a value.
func (l *List) Set(value string) error {
	*l = append(*l, value)
	return nil
}
