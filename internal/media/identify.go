package media

import "slices"

// sniffSize is how many of a file's first bytes decide its type. It is enough for the
// member names at the start of an Office file, and all that the detector reads.
const sniffSize = 4096

// identify decides a file's type and checks it against WhatsApp's table. A refused file
// has one finding, and no name or content type for Meta.
func identify(f File) Result {
	head := f.Head[:min(len(f.Head), sniffSize)]
	if problem := checkLength(f.Size, len(head)); problem != nil {
		return refused(problem)
	}
	declared := baseType(f.DeclaredType)
	detected := sniff(head, declared)
	if problem := checkCoding(f, head, detected); problem != nil {
		return refused(problem)
	}
	if isPlain(f, declared, detected) {
		return identifyPlain(f, declared, detected)
	}
	mime, problem := decide(declared, f.Name, detected)
	if problem != nil {
		return refused(problem)
	}
	t := row(mime, detected.animated)
	if f.Size > t.maxSize {
		return refused(tooLarge(t, f.Size))
	}
	return Result{Type: t, ContentType: contentType(t), FileName: fileName(f.Name, t)}
}

// identifyPlain is identify for a text format that is sent as text/plain.
func identifyPlain(f File, declared string, detected detection) Result {
	t := row("text/plain", false)
	if f.Size > t.maxSize {
		return refused(tooLarge(t, f.Size))
	}
	named := t
	if !t.fits(extension(f.Name)) {
		named.extension = plainExtension(declared, detected)
	}
	return Result{Type: t, ContentType: contentType(t), FileName: fileName(f.Name, named)}
}

// refusal is why identify refuses a file.
type refusal struct {
	code string
	fix  string // empty means the rule's own
	args []any  // for the rule's why
}

func refuse(code, fix string, args ...any) *refusal { return &refusal{code, fix, args} }

// refused is the result for a file that identify refuses.
func refused(why *refusal) Result {
	var r Result
	r.add(Type{}, why.code, why.fix, why.args...)
	return r
}

// checkLength requires a length that can be announced to Meta and is not less than what
// has already been read. It returns nil if the length is fine.
func checkLength(size int64, read int) *refusal {
	switch {
	case size < 0:
		return refuse(CodeSizeUnknown, "", "the source does not announce it, and the upload needs it")
	case size == 0:
		return refuse(CodeEmpty, "", "its size is 0 bytes")
	case read == 0:
		return refuse(CodeEmpty, "Check that the object can be read.", "the source announced "+bytesText(size)+" but sent none of them")
	case int64(read) > size:
		return refuse(CodeSizeUnknown, "", "the source announced "+bytesText(size)+" but sent more")
	}
	return nil
}

// decide returns the MIME type of the row that the file goes under.
func decide(declared, name string, detected detection) (string, *refusal) {
	if isUninformative(declared) {
		return undeclared(name, detected)
	}
	t, ok := lookup(declared)
	switch {
	case !ok:
		return "", notAccepted(declared, detected)
	case slices.Contains(detected.candidates, t.MIME):
		return t.MIME, nil
	case t.MIME == "audio/ogg" && detected.mime == "application/ogg":
		return "", notOpus(detected)
	}
	return "", contradicts(declared, t, detected)
}

// undeclared decides from the bytes and the extension of the name. Uncertain bytes, and
// text, which may be an error page, must agree with the extension.
func undeclared(name string, detected detection) (string, *refusal) {
	byName, named := mimeOfExtension(extension(name))
	switch {
	case detected.mime == "application/ogg" && len(detected.candidates) == 0:
		return "", notOpus(detected)
	case detected.mime == "":
		return "", unknownType(name, detected)
	case len(detected.candidates) == 0:
		return "", notAccepted(detected.mime, detected)
	case named && slices.Contains(detected.candidates, byName):
		return byName, nil
	case detected.uncertain, named && detected.candidates[0] == "text/plain":
		return "", unknownType(name, detected)
	}
	return detected.candidates[0], nil
}

// row is the row of a type: for stickers, the one for animated or static ones.
func row(mime string, animated bool) Type {
	i := slices.IndexFunc(types, func(t Type) bool {
		return t.MIME == mime && (t.Animated == animated || t.kind != kindSticker)
	})
	return types[i]
}

// contentType is the content type for Meta. Parameters are dropped, since Meta is not known
// to use them. The exception is Ogg: Meta's table calls audio/ogg without its codec
// unsupported (docs/references.md#media-types).
func contentType(t Type) string {
	if t.MIME == "audio/ogg" {
		return "audio/ogg; codecs=opus"
	}
	return t.MIME
}
