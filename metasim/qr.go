// QR codes and short links that open a conversation (docs/references.md#graph-number-edges).

package metasim

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	qrKind       = "qr_code" // of records
	maxQRCodes   = 100_000   // of all numbers
	maxQROfPhone = 2000
	maxPrefilled = 140 // characters
	qrCodeLength = 14
)

var errQRFull = errors.New("metasim: QR codes: too many codes; reset the simulator")

// qrCode is a link with a text that a person sends first.
type qrCode struct {
	Code          string    `json:"code"`
	PhoneNumberID string    `json:"phone_number_id"`
	Prefilled     string    `json:"prefilled_message"`
	Format        string    `json:"format,omitempty"` // of the picture: SVG or PNG; empty means none
	Created       time.Time `json:"created"`
}

func (q qrCode) createdAt() time.Time { return q.Created }
func (q qrCode) expiresAt() time.Time { return time.Time{} }

// qrCodes are the codes of all numbers.
type qrCodes struct {
	mu   sync.Mutex // held while a code is changed
	rows *table[qrCode]
}

func checkQRRecord(id string, row qrCode) error {
	if row.Code != id || row.PhoneNumberID == "" {
		return badRecord(qrKind, id, "it is the record of %q", truncate(row.Code))
	}
	return nil
}

var qrParameters = []string{"prefilled_message", "generate_qr_image", "code"}

var qrOperations = []operation{
	{name: OperationCreateQRCode, method: "POST", pattern: "/{version}/{phone_number}/message_qrdls", auth: ownersToken, serve: (*Server).createQRCode,
		parameters: qrParameters, place: inBody},
	{name: OperationQRCodes, method: "GET", pattern: "/{version}/{phone_number}/message_qrdls", auth: ownersToken, serve: (*Server).listQRCodes,
		parameters: append([]string{"code"}, pageParameters...), place: inQuery},
	{name: OperationUpdateQRCode, method: "POST", pattern: "/{version}/{phone_number}/message_qrdls/{qr_code}", auth: ownersToken, serve: (*Server).updateQRCode,
		parameters: qrParameters, place: inBody},
	{name: OperationQRCode, method: "GET", pattern: "/{version}/{phone_number}/message_qrdls/{qr_code}", auth: ownersToken, serve: (*Server).listQRCodes,
		parameters: pageParameters, place: inQuery},
	{name: OperationDeleteQRCode, method: "DELETE", pattern: "/{version}/{phone_number}/message_qrdls/{qr_code}", auth: ownersToken, serve: (*Server).deleteQRCode},
}

// qrCodeIn returns the code that a path ends with.
func (c *call) qrCodeIn() string {
	path := strings.TrimRight(c.r.URL.Path, "/")
	return path[strings.LastIndexByte(path, '/')+1:]
}

// node returns a code with its fields. The picture is one if the field is requested with
// a format, or the code was made with one.
func (q qrCode) node(format string) node {
	fields := map[string]any{"code": q.Code, "prefilled_message": q.Prefilled, "deep_link_url": "https://wa.me/message/" + q.Code, "qr_image_url": nil}
	if format = orText(format, q.Format); format != "" {
		fields["qr_image_url"] = "https://scontent.xx.fbcdn.net/m1/v/t6/" + q.Code + "." + strings.ToLower(format) + "?" + url.Values{"text": {q.Code}}.Encode()
	}
	return structure("WhatsAppMessageQRCode", fields)
}

// createQRCode makes a code, or changes the one that the parameter code names.
func (s *Server) createQRCode(c *call) (any, *apiError) {
	return s.putQRCode(c, c.parameters.get("code"))
}

func (s *Server) updateQRCode(c *call) (any, *apiError) { return s.putQRCode(c, c.qrCodeIn()) }

func (s *Server) putQRCode(c *call, code string) (any, *apiError) {
	prefilled, format := c.parameters.get("prefilled_message"), strings.ToUpper(c.parameters.get("generate_qr_image"))
	switch {
	case prefilled == "":
		return nil, missingParameter("prefilled_message")
	case characters(prefilled) > maxPrefilled:
		return nil, tooManyCharacters("prefilled_message", maxPrefilled)
	case format != "" && format != "SVG" && format != "PNG":
		return nil, parameterError("Param generate_qr_image must be one of {SVG, PNG} - got \"%s\".", truncate(format))
	}
	s.qrs.mu.Lock()
	defer s.qrs.mu.Unlock()
	row := qrCode{Code: strings.ToUpper(strings.NewReplacer("-", "A", "_", "B").Replace(s.random.word(qrCodeLength))), PhoneNumberID: c.id, Created: s.Now()}
	if code != "" {
		found, ok := s.qrs.rows.find(code, time.Time{})
		if !ok || found.PhoneNumberID != c.id {
			return nil, parameterError("The QR code %s does not exist.", truncate(code))
		}
		row = found
	} else if len(s.qrCodesOf(c.id)) >= maxQROfPhone {
		return nil, parameterError("A phone number has at most %d QR codes.", maxQROfPhone)
	}
	row.Prefilled, row.Format = prefilled, orText(format, row.Format)
	if err := s.qrs.rows.put(row.Code, row); err != nil {
		return nil, c.storageError(err)
	}
	return c.respondWithNode(row.node(format))
}

// qrCodesOf returns the codes of a number, newest first.
func (s *Server) qrCodesOf(phoneID string) (found []qrCode) {
	rows, _ := s.qrs.rows.list(time.Time{}, maxQRCodes)
	for _, row := range slices.Backward(rows) {
		if row.PhoneNumberID == phoneID {
			found = append(found, row)
		}
	}
	return found
}

// listQRCodes lists the codes of a number, or the one that the request names.
func (s *Server) listQRCodes(c *call) (any, *apiError) {
	code := c.parameters.get("code")
	if c.name() == OperationQRCode {
		code = c.qrCodeIn()
	}
	requested, refusal := parseFields(c.parameters.get("fields"))
	if refusal != nil {
		return nil, refusal
	}
	format := ""
	for _, f := range requested {
		if f.name == "qr_image_url" {
			format = orText(f.get("format"), "SVG")
		}
	}
	e := edge{}
	for _, row := range s.qrCodesOf(c.id) {
		if code == "" || row.Code == code {
			e.rows = append(e.rows, row.node(format))
		}
	}
	if code != "" && len(e.rows) == 0 {
		return nil, parameterError("The QR code %s does not exist.", truncate(code))
	}
	return c.respondWithEdge(e)
}

func (s *Server) deleteQRCode(c *call) (any, *apiError) {
	s.qrs.mu.Lock()
	defer s.qrs.mu.Unlock()
	code := c.qrCodeIn()
	if row, ok := s.qrs.rows.find(code, time.Time{}); !ok || row.PhoneNumberID != c.id {
		return nil, parameterError("The QR code %s does not exist.", truncate(code))
	}
	_, err := s.qrs.rows.remove(code)
	return c.saved(err)
}
