package console

// MaxStreams is maxStreams.
const MaxStreams = maxStreams

// Disposition is disposition.
func Disposition(kind, name string) string { return disposition(kind, name) }

// ShortNumber is shortNumber.
func ShortNumber(number string) string { return shortNumber(number) }

// MaxTimeline is maxTimeline.
const MaxTimeline = maxTimeline

// MaxEventRows is maxEventRows.
const MaxEventRows = maxEventRows

// LimitRow is limitRow.
type LimitRow = limitRow

// LimitRows is limitRows.
var LimitRows = limitRows

// AlsoNeeded is alsoNeeded.
var AlsoNeeded = alsoNeeded

// Typed is typed.
func Typed(err error) error { return typed(err) }

// MaxUploadRows is maxUploadRows.
const MaxUploadRows = maxUploadRows

// ProblemOf returns the status and the texts that a person is shown of an error.
func ProblemOf(err error) (status int, text, advice string) {
	p := asProblem(err)
	return p.Status, p.Text, p.Advice
}
