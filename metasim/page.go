package metasim

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	defaultLimit = 25   // Graph's
	maxPageLimit = 5000 // rows that a request may ask for
)

// page is a response with some rows of a list.
type page struct {
	Data    []object `json:"data"`
	Paging  *paging  `json:"paging,omitempty"`
	Summary *summary `json:"summary,omitempty"`
}

// paging has the links to other pages.
type paging struct {
	Cursors  cursors `json:"cursors"`
	Next     string  `json:"next,omitempty"`
	Previous string  `json:"previous,omitempty"`
}

type cursors struct {
	Before string `json:"before"`
	After  string `json:"after"`
}

// summary is returned if it is requested.
type summary struct {
	TotalCount    int `json:"total_count"`
	TemplateCount int `json:"message_template_count,omitempty"`
	TemplateLimit int `json:"message_template_limit,omitempty"`
}

// page returns the rows of a list that the parameters select. The path is that of
// the list, for the links to other pages.
func (c *call) page(e edge, given parameters, requested []fieldRequest, path string) (any, *apiError) {
	rows, refusal := e.selectRows(given)
	if refusal != nil {
		return nil, refusal
	}
	from, to, refusal := c.server.pageBounds(given, len(rows))
	if refusal != nil {
		return nil, refusal
	}
	result := page{Data: []object{}}
	if value, ok := given["summary"]; ok && wantsSummary(value.value) {
		result.Summary = &summary{TotalCount: len(rows)}
		if e.limit > 0 {
			result.Summary.TemplateCount, result.Summary.TemplateLimit = len(rows), e.limit
		}
	}
	for _, row := range rows[from:to] {
		chosen, refusal := c.choose(row, requested)
		if refusal != nil {
			return nil, refusal
		}
		result.Data = append(result.Data, chosen)
	}
	if from == to {
		return result, nil
	}
	result.Paging = &paging{Cursors: cursors{Before: cursor(from), After: cursor(to - 1)}}
	if to < len(rows) {
		result.Paging.Next = c.pageURL(path, given, "after", result.Paging.Cursors.After)
	}
	if from > 0 {
		result.Paging.Previous = c.pageURL(path, given, "before", result.Paging.Cursors.Before)
	}
	return result, nil
}

// wantsSummary reports whether the parameter summary asks for the total: true, 1 or
// the names of its fields.
func wantsSummary(value string) bool {
	yes, isBoolean := boolean(value)
	return yes || !isBoolean
}

// selectRows returns the rows that the parameters filtering and sort select.
func (e edge) selectRows(given parameters) ([]node, *apiError) {
	rows := slices.Clone(e.rows)
	if e.where != nil {
		var refusal *apiError
		if rows, refusal = e.where(rows, given); refusal != nil {
			return nil, refusal
		}
	}
	if conditions := given.get("filtering"); conditions != "" && e.filter != nil {
		var refusal *apiError
		if rows, refusal = e.filter(rows, conditions); refusal != nil {
			return nil, refusal
		}
	}
	by := given.get("sort")
	if by == "" || e.sort == nil {
		return rows, nil
	}
	names, err := list(by)
	if err != nil {
		return nil, parameterError("Param sort must be an array.")
	}
	for _, name := range names {
		if refusal := e.sort(rows, name); refusal != nil {
			return nil, refusal
		}
	}
	return rows, nil
}

// pageBounds returns the range of rows that limit, after and before select.
func (s *Server) pageBounds(given parameters, rows int) (from, to int, _ *apiError) {
	limit := defaultLimit
	if value := given.get("limit"); value != "" {
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > maxPageLimit {
			return 0, 0, parameterError("Param limit must be a number from 1 to %d.", maxPageLimit)
		}
		limit = n
	}
	limit = min(limit, s.cfg.PageSize)
	after, before := given.get("after"), given.get("before")
	at, ok := rowOf(cmp.Or(after, before), rows)
	switch {
	case after == "" && before == "":
		return 0, min(rows, limit), nil
	case after != "" && before != "" || !ok:
		return 0, 0, s.errorFor(131059)
	case after != "":
		return at + 1, min(rows, at+1+limit), nil
	}
	return max(0, at-limit), at, nil
}

// cursor returns an opaque text for the row that a page begins or ends with.
func cursor(row int) string {
	return base64.RawURLEncoding.EncodeToString([]byte("metasim:" + strconv.Itoa(row)))
}

// rowOf returns the row of a cursor. It reports false for one of no row.
func rowOf(c string, rows int) (int, bool) {
	text, err := base64.RawURLEncoding.DecodeString(c)
	number, ok := strings.CutPrefix(string(text), "metasim:")
	row, numberErr := strconv.Atoi(number)
	return row, err == nil && ok && numberErr == nil && row >= 0 && row < rows
}

// pageLinkParameters are those that the links to other pages repeat.
var pageLinkParameters = append([]string{"fields", "filtering", "limit", "sort", "summary", "name", "name_or_content", "content", "quality_score", "search", "topic", "usecase", "industry"}, templateFilters...)

// pageURL returns the URL of the next or the previous page. It has a token only if
// the request had it as a parameter: Meta's own SDK follows the link without
// sending the token again.
func (c *call) pageURL(path string, given parameters, direction, at string) string {
	query := url.Values{direction: {at}}
	for _, name := range pageLinkParameters {
		if value := given.get(name); value != "" {
			query.Set(name, value)
		}
	}
	if token := c.parameters.get("access_token"); token != "" {
		query.Set("access_token", token)
	}
	return c.server.origin(c.r) + path + "?" + query.Encode()
}
