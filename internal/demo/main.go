// Command demo tells the whole story, from plan to proof, against a control plane
// of its own on a loopback port. It runs the commands that a person would run and
// prints each, leaves nothing running, and fails at the first thing that is not as
// the story says.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	var s story
	flag.StringVar(&s.bin, "bin", "bin", "folder of the built binaries")
	flag.StringVar(&s.cli, "cli", "terraform", "terraform or tofu")
	flag.StringVar(&s.folder, "folder", ".tmp/demo", "scratch folder")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := s.tell(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\nthe story broke off:", err)
		os.Exit(1)
	}
}

// story is one run of the demo.
type story struct {
	bin, cli, folder string
	root             string // of the checkout
	endpoint         string
	chapter          int
}

// stack is one workspace with the code that declares it.
type stack struct{ name, owner, connection, stream string }

var stacks = []stack{
	{name: "wikio", owner: "ada@example.com", connection: "okta", stream: "examples/scim/okta"},
	{name: "wizz-cloud", owner: "wim@example.com", connection: "entra", stream: "examples/scim/entra"},
}

func (s *story) tell(ctx context.Context) error {
	var err error
	for _, p := range []*string{&s.bin, &s.folder} {
		if *p, err = filepath.Abs(*p); err != nil {
			return err
		}
	}
	if s.root, err = os.Getwd(); err != nil {
		return err
	}
	fmt.Println("Gatehouse: access as code, from plan to proof. Lines that start with $ can be repeated by hand.")
	stop, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer stop()
	for _, step := range []func(context.Context) error{s.apply, s.provision, s.drift, s.evidence} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	s.title("The end")
	s.say("Everything above lies in %s; the control plane is stopped.", s.relative(s.folder))
	s.say("To look around: %s serve --data %s", s.relative(s.gatehouse()), s.relative(filepath.Join(s.folder, "data")))
	return nil
}
