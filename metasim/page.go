package metasim

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

const (
	defaultLimit = 25   // Graph's
	maxPageLimit = 5000 // rows that a request may ask for
)

// page is a response with some rows of a list.
type page struct {
	Data   []object `json:"data"`
	Paging *paging  `json:"paging,omitempty"`
}

// paging has the links to other pages. Unlike Graph's, they contain no token.
type paging struct {
	Cursors  cursors `json:"cursors"`
	Next     string  `json:"next,omitempty"`
	Previous string  `json:"previous,omitempty"`
}

type cursors struct {
	Before string `json:"before"`
	After  string `json:"after"`
}

// phoneNumbers returns one page of an account's numbers, in the order of
// the configuration.
func (s *Server) phoneNumbers(c *call) (any, *apiError) {
	account := s.accounts[c.id]
	query := c.r.URL.Query()
	from, to, err := s.pageBounds(query, account.PhoneNumbers)
	if err != nil {
		return nil, err
	}
	result := page{Data: []object{}}
	for _, p := range account.PhoneNumbers[from:to] {
		row, err := s.phoneNode(s.phones[p.ID]).choose(query.Get("fields"))
		if err != nil {
			return nil, err
		}
		result.Data = append(result.Data, row)
	}
	if from == to {
		return result, nil
	}
	result.Paging = &paging{Cursors: cursors{
		Before: cursor(account.PhoneNumbers[from].ID),
		After:  cursor(account.PhoneNumbers[to-1].ID),
	}}
	if to < len(account.PhoneNumbers) {
		result.Paging.Next = s.pageURL(c.r, "after", result.Paging.Cursors.After)
	}
	if from > 0 {
		result.Paging.Previous = s.pageURL(c.r, "before", result.Paging.Cursors.Before)
	}
	return result, nil
}

// pageBounds returns the range of rows that limit, after and before select.
func (s *Server) pageBounds(query url.Values, rows []PhoneNumber) (from, to int, _ *apiError) {
	limit := defaultLimit
	if query.Has("limit") {
		n, err := strconv.Atoi(query.Get("limit"))
		if err != nil || n < 1 || n > maxPageLimit {
			return 0, 0, parameterError("Param limit must be a number from 1 to %d.", maxPageLimit)
		}
		limit = n
	}
	limit = min(limit, s.cfg.PageSize)
	position := func(name string) int {
		return slices.IndexFunc(rows, func(p PhoneNumber) bool { return cursor(p.ID) == query.Get(name) })
	}
	invalid := s.errorFor(131059)
	switch {
	case query.Get("after") != "" && query.Get("before") != "":
		return 0, 0, invalid
	case query.Get("after") != "":
		at := position("after")
		if at < 0 {
			return 0, 0, invalid
		}
		from = at + 1
	case query.Get("before") != "":
		at := position("before")
		if at < 0 {
			return 0, 0, invalid
		}
		return max(0, at-limit), at, nil
	}
	return from, min(len(rows), from+limit), nil
}

// cursor returns an opaque text for the row that a page begins or ends with.
func cursor(id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte("metasim:" + id))
}

// pageURL returns the URL of the next or the previous page.
func (s *Server) pageURL(r *http.Request, direction, at string) string {
	query := url.Values{direction: {at}}
	for _, name := range []string{"fields", "limit"} {
		if r.URL.Query().Has(name) {
			query.Set(name, r.URL.Query().Get(name))
		}
	}
	return s.origin(r) + r.URL.Path + "?" + query.Encode()
}
