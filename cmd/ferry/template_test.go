package main

import (
	"context"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ferry/metasim"
)

// setReview says how long reviews of templates take: review DURATION, or never.
func setReview(ts *testscript.TestScript, _ bool, args []string) {
	after := time.Duration(-1)
	if args[0] != "never" {
		var err error
		after, err = time.ParseDuration(args[0])
		ts.Check(err)
	}
	ts.Check(simulatorControl(ts).SetTemplateReview(context.Background(), after))
}

// judgeTemplate ends the review of the template of a name that is being reviewed:
// judge NAME STATUS [REASON].
func judgeTemplate(ts *testscript.TestScript, _ bool, args []string) {
	control := simulatorControl(ts)
	list, err := control.Templates(context.Background(), "")
	ts.Check(err)
	change := metasim.TemplateChange{Status: args[1]}
	if len(args) > 2 {
		change.Reason = args[2]
	}
	for _, template := range list.Templates {
		if template.Name == args[0] && template.Status == "PENDING" {
			_, err := control.ChangeTemplate(context.Background(), template.ID, change)
			ts.Check(err)
			return
		}
	}
	ts.Fatalf("no template %s is being reviewed", args[0])
}
