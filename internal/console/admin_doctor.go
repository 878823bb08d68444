// What is wrong with the server, and what to do: the checks of 'ferry doctor'.

package console

import (
	"net/http"
	"strings"

	"ferry/internal/doctor"
)

// doctorPage shows what the checks have found.
type doctorPage struct {
	standing
	ToDo, Rest []doctorLine // warnings and failures, and all others
	Summary    string       // empty means that no checks were made
	Worst      doctor.Status
	TestEvents bool
	Objects    string // that stores are examined with
	Problem    string // of Objects
}

// doctorLine is a result for the page.
type doctorLine struct {
	doctor.Result
	Advice, Command string
}

func (c *Console) routeDoctor() {
	c.page(navItem{Path: "/admin/doctor"}, viewer, func(w http.ResponseWriter, r *request) {
		c.render(w, r, "admin-doctor", doctorPage{standing: c.standing(r, operator)})
	})
	c.action("/admin/doctor", "ExamineServer", operator, c.examine)
}

// examine makes all checks, once at a time: they bound themselves.
func (c *Console) examine(r *request) (done, error) {
	page := doctorPage{standing: c.standing(r, operator), TestEvents: r.field("events") == "send", Objects: r.field("objects")}
	options := doctor.Options{TestEvents: page.TestEvents, Objects: strings.Fields(page.Objects)}
	for _, name := range options.Objects {
		if bucket, key, isName := strings.Cut(strings.TrimPrefix(name, "s3://"), "/"); !isName || bucket == "" || key == "" {
			err := invalid("%.100q names no object; expected s3://BUCKET/KEY.", name)
			page.Problem = problemText(err)
			return done{Page: "admin-doctor", Data: page}, err
		}
	}
	if !c.examining.TryLock() {
		return done{}, problem{http.StatusTooManyRequests, "Somebody is examining the server at the moment.", "Try again in a minute."}
	}
	defer c.examining.Unlock()
	results := c.config.Gateway.Examine(r.Context(), options)
	for _, result := range results {
		line := doctorLine{Result: result}
		line.Advice, line.Command = result.Advice()
		if result.Status == doctor.Fail || result.Status == doctor.Warn {
			page.ToDo = append(page.ToDo, line)
		} else {
			page.Rest = append(page.Rest, line)
		}
	}
	page.Summary, page.Worst = doctor.Summary(results), doctor.Worst(results)
	return done{Page: "admin-doctor", Data: page, Text: page.Summary}, nil
}
