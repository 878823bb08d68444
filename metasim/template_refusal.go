package metasim

import (
	"fmt"
	"net/http"
)

// Why Meta refuses a template (docs/references.md#graph-template-errors).

// The subcodes of refusals of templates. Only the subcode is stable at Meta: its titles
// and texts are translated.
const (
	templateLimit         = 2388019
	templateBeingDeleted  = 2388023
	templateExists        = 2388024
	templateFixedStatus   = 2388039
	templateTooLong       = 2388040
	templateUnexpected    = 2388042
	templateMissing       = 2388043
	templateBadName       = 2388046
	templateLanguage      = 2388049
	templateBadNumber     = 2388050
	templateBadButton     = 2388060
	templateBadText       = 2388072
	templateBadFooter     = 2388073
	templateLinkRefused   = 2388081
	templateFileType      = 2388084
	templateUndeletable   = 2388094
	templateEdited        = 2388124
	templateSampleName    = 2388155
	templateNotPermitted  = 2388185
	templateNoSample      = 2388273
	templateManyVariables = 2388293
	templateEdgeVariables = 2388299
	templateNotFound      = 2593002
)

// templateRefusal is the title and the text of a subcode. The text is a format.
type templateRefusal struct{ title, text string }

// templateRefusals has Meta's words where they were observed.
var templateRefusals = map[int]templateRefusal{
	templateLimit:         {"Message Template Limit Exceeded", "This WhatsApp Business account has its maximum of %d message templates. Delete templates before you create others."},
	templateBeingDeleted:  {"Message template language is being deleted", "New %[1]s content can't be added while the existing %[1]s content is being deleted. Try again in %[2]s or create a new message template."},
	templateExists:        {"Content in This Language Already Exists", "There is already %s content for this template. You can create a new template and try again."},
	templateFixedStatus:   {"Message template status can't be changed", "%s"},
	templateTooLong:       {"Character limit exceeded", "%s cannot be more than %d characters"},
	templateUnexpected:    {`Message template "components" param contains unexpected field(s)`, "%s has unexpected field(s) (%s)"},
	templateMissing:       {`Message template "components" param is missing expected field(s)`, "%s is missing expected field(s) (%s)"},
	templateBadName:       {"Name format is incorrect", "Message template name can only have lowercase letters and underscores."},
	templateLanguage:      {"Message template language is not supported", "Content can't be added for the language %s."},
	templateBadNumber:     {"Phone number is missing or incorrect", "%s"},
	templateBadButton:     {"Button format is incorrect", "%s"},
	templateBadText:       {"Text format is incorrect", "%s"},
	templateBadFooter:     {"Footer format is incorrect", "%s"},
	templateLinkRefused:   {"Error while adding button URL", "Direct links to WhatsApp aren't allowed for buttons."},
	templateFileType:      {"File type not supported", "The type of the file is not supported: a header of format %s needs one of %s, and the sample is %s."},
	templateUndeletable:   {"Message template can't be deleted", "%s"},
	templateEdited:        {"Message template can't be edited", "An approved message template can be edited once in 24 hours."},
	templateSampleName:    {"Template name is already used as a sample template", "The name %s is that of a sample template. Choose another name."},
	templateNoSample:      {"Templates with %[1]s header type need an example/sample", "Templates with %[1]s header type need an example/sample, but it was not provided"},
	templateManyVariables: {"Parameters words ratio exceeds limit", "This template has too many variables for its length. Reduce the number of variables or increase the message length."},
	templateEdgeVariables: {"Leading or trailing params not allowed", "Variables can't be at the start or end of the template."},
	templateNotFound:      {"Message Template Not Found", "The message template %s was not found: it does not exist in this WhatsApp Business account."},
}

// refuseTemplate returns the error of a subcode, with the arguments of its text.
func refuseTemplate(subcode int, args ...any) *apiError {
	row := templateRefusals[subcode]
	e := invalidTemplate(row.title, row.text, args...)
	e.subcode = subcode
	switch subcode {
	case templateBadName:
		e.blame = []string{"name"}
	case templateNoSample:
		e.userTitle = fmt.Sprintf(row.title, args...)
	}
	return e
}

// invalidTemplate is a refusal whose subcode is not known.
func invalidTemplate(title, text string, args ...any) *apiError {
	e := oauthError(http.StatusBadRequest, 100, "Invalid parameter")
	e.userTitle = title
	e.userMsg = fmt.Sprintf(text, args...)
	return e
}

// templateNotAllowed refuses an authentication template of a business that is not
// verified. It is the only refusal with code 10.
func templateNotAllowed() *apiError {
	e := oauthError(http.StatusBadRequest, 10, "(#10) Application does not have permission for this action")
	e.subcode, e.userTitle = templateNotPermitted, "Cannot create message template"
	e.userMsg = "This WhatsApp Business account does not have permission to create message template"
	return e
}

// invalidNumber is code 192, which has no subcode.
func invalidNumber(path string) *apiError {
	return oauthError(http.StatusBadRequest, 192, "(#192) Param %s is not a valid phone number.", path)
}
