package media

import "slices"

// sniffSize is how many of a file's first bytes decide its type. It is enough for the
// member names at the start of an Office file, and all that the detector reads.
const sniffSize = 4096

// identify decides a file's type and holds it against WhatsApp's table. A refused file
// has one finding, and no name or content type for Meta.
func identify(f File) Result {
	head := f.Head[:min(len(f.Head), sniffSize)]
	if problem := checkLength(f.Size, len(head)); problem != nil {
		return refused(problem)
	}
	declared := baseType(f.DeclaredType)
	detected := sniff(head, declared)
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

// checkLength wants a length that can be announced to Meta and is not less than
// what has already been read. It returns nil if there is one.
func checkLength(size int64, read int) *refusal {
	switch {
	case size < 0:
		return refuse(CodeSizeUnknown, "", "the source does not say how long it is, and WhatsApp's limits and the upload need that")
	case size == 0:
		return refuse(CodeEmpty, "", "it has 0 bytes")
	case read == 0:
		return refuse(CodeEmpty, "Check that the object can be read.", "the source announced "+bytesText(size)+" and sent none of them")
	case int64(read) > size:
		return refuse(CodeSizeUnknown, "", "the source announced "+bytesText(size)+" and sent more")
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

// undeclared decides from the bytes and the extension of the name. Bytes that only
// hint, and text, which any error page is, have to agree with the extension.
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

// row is the row of a type, for stickers the one that fits their motion.
func row(mime string, animated bool) Type {
	i := slices.IndexFunc(types, func(t Type) bool {
		return t.MIME == mime && (t.Animated == animated || t.kind != kindSticker)
	})
	return types[i]
}

// contentType is what Meta is told. It drops parameters, which Meta compares
// nowhere as far as is known, save the one that its audio list asks for: base
// audio/ogg is "unsupported" (meta-cloud-api.md §3.6).
func contentType(t Type) string {
	if t.MIME == "audio/ogg" {
		return "audio/ogg; codecs=opus"
	}
	return t.MIME
}
