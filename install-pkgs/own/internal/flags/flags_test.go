package flags

import (
	"flag"
	"io"
	"testing"
)

func TestAListHasEachValueOfARepeatedFlag(t *testing.T) {
	var found List
	set := flag.NewFlagSet("test", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Var(&found, "name", "")
	if err := set.Parse([]string{"--name", "a", "--name", "b"}); err != nil || found.String() != "a,b" {
		t.Fatalf("%q, %v", found, err)
	}
}
