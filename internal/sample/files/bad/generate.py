"""The bad samples that need no encoder; generate.sh runs it in the folder to write to."""
import hashlib
import io
import struct
import sys
import zipfile
import zlib

good_mp4, good = open(sys.argv[1], 'rb').read(), sys.argv[2]


def write(name, *parts):
    with open(name, 'wb') as f:
        f.write(b''.join(parts))


def sample(name):
    with open(f'{good}/{name}', 'rb') as f:
        return f.read()


# JPEG: one flat colour. Every block is "difference 0, end of block", which with the one
# Huffman code "0" of each table is two zero bits.
def segment(marker, payload):
    return struct.pack('>BBH', 0xff, marker, 2 + len(payload)) + payload


def jpeg(frame, bits, channels, side=32):
    numbers = range(1, channels + 1)
    out = b'\xff\xd8'
    if channels == 4:
        out += segment(0xee, b'Adobe\x00\x64\x00\x00\x00\x00\x00')
    wide = frame == 0xc1
    out += segment(0xdb, bytes([0x10 if wide else 0]) + (b'\x00\x10' if wide else b'\x10') * 64)
    out += segment(frame, struct.pack('>BHHB', bits, side, side, channels) + b''.join(bytes([n, 0x11, 0]) for n in numbers))
    for table in (0x00, 0x10):
        out += segment(0xc4, bytes([table, 1]) + bytes(15) + b'\x00')
    out += segment(0xda, bytes([channels]) + b''.join(bytes([n, 0]) for n in numbers) + b'\x00\x3f\x00')
    coded = (side // 8) ** 2 * channels * 2 // 8
    if frame == 0xc9:  # to the arithmetic decoder zeros are a picture too, and it takes fewer
        coded -= 2
    return out + bytes(coded) + b'\xff\xd9'


write('image-not-rgb.jpg', jpeg(0xc0, 8, 1))
write('jpeg-cmyk.jpg', jpeg(0xc0, 8, 4))
write('jpeg-bit-depth.jpg', jpeg(0xc1, 12, 3))
write('jpeg-arithmetic.jpg', jpeg(0xc9, 8, 3))


# PNG.
def chunk(name, payload):
    return struct.pack('>I', len(payload)) + name + payload + struct.pack('>I', zlib.crc32(name + payload))


def png(width, height, data):
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)) +
            chunk(b'IDAT', data) + chunk(b'IEND', b''))


write('image-dimensions.png', png(40000, 30000, zlib.compress(bytes(1 + 3 * 40000), 9)))
write('damaged.png', png(1, 1, b'').replace(b'IDAT', b'tEXt'))
write('truncated.jpg', sample('sample.jpg')[:300])
write('truncated.webp', sample('sticker-static.webp')[:3000])
write('picture-incomplete.jpg', sample('sample.jpg')[:6000])
write('picture-incomplete.png', sample('sample.png')[:1000], bytes(len(sample('sample.png')) - 1000))
write('picture-incomplete.webp', sample('sticker-static.webp')[:3000], bytes(len(sample('sticker-static.webp')) - 3000))
write('damaged-as-text.jpg', sample('sample.jpg').decode('utf-8', 'replace').encode())
write('damaged-as-text-latin-1.png', sample('sample.png').decode('latin-1').encode())
write('leading-bytes.jpg', b'\xef\xbb\xbf', sample('sample.jpg'))

# Sound.
write('truncated.ogg', sample('voice.ogg')[:5000])
# Free format: bit rate index 0. MPEG-1 layer III, 44.1 kHz, one channel, silent, 417 bytes.
write('mp3-free-format.mp3', (b'\xff\xfb\x00\xc0' + bytes(413)) * 20)
write('truncated.mp3', sample('sample.mp3')[:60])
write('damaged.mp3', b'ID3\x04\x00\x00\x00\x00\x00\x0a' + bytes(10) + b'no sound here ' * 40)
write('damaged.aac', sample('sample.aac')[:200] + bytes(400))
write('truncated.aac', sample('sample.aac')[:40])
write('damaged.amr', b'#!AMR\n' + b'\x5c' + bytes(12) + (b'\x04' + bytes(12)) * 20)


# MP4: boxes taken out, cut or overwritten.
def boxes(data):
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at:at + 4], 'big')
        yield data[at + 4:at + 8], data[at:at + length]
        at += length


write('truncated.mp4', good_mp4[:len(good_mp4) * 6 // 10])
write('mp4-no-index.mp4', b''.join(body for name, body in boxes(good_mp4) if name != b'moov'))
at = good_mp4.index(b'minf')
write('damaged.mp4', good_mp4[:at - 4], b'\x7f\xff\xff\xff', good_mp4[at:])


def emptied(data):
    """Takes duration and samples from every track."""
    data = bytearray(data)
    for name, first, length in ((b'mdhd', 20, 4), (b'stts', 8, 4), (b'stsz', 12, 4)):
        at = data.find(name)
        while at >= 0:
            data[at + first:at + first + length] = bytes(length)
            at = data.find(name, at + 1)
    return bytes(data)


write('mp4-empty.mp4', emptied(good_mp4))


# PDF with the standard security handler, revision 2 (ISO 32000-1 §7.6.3): RC4 of 40 bits,
# an owner's password and none for the reader.
def rc4(key, data):
    s, j = list(range(256)), 0
    for i in range(256):
        j = (j + s[i] + key[i % len(key)]) & 255
        s[i], s[j] = s[j], s[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) & 255
        j = (j + s[i]) & 255
        s[i], s[j] = s[j], s[i]
        out.append(byte ^ s[(s[i] + s[j]) & 255])
    return bytes(out)


PAD = bytes.fromhex('28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a')


def encrypted_pdf():
    ident, permissions = bytes(16), -4
    user = (b'recipient' + PAD)[:32]
    owner = rc4(hashlib.md5((b'owner' + PAD)[:32]).digest()[:5], user)
    key = hashlib.md5(user + owner + struct.pack('<i', permissions) + ident).digest()[:5]
    stream = rc4(hashlib.md5(key + b'\x04\x00\x00' + b'\x00\x00').digest()[:10],
                 b'BT /F1 24 Tf 72 720 Td (An encrypted sample.) Tj ET')
    objects = [
        b'<< /Type /Catalog /Pages 2 0 R >>',
        b'<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
        b'<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R\n'
        b'   /Resources << /Font << /F1 5 0 R >> >> >>',
        b'<< /Length %d >>\nstream\n%s\nendstream' % (len(stream), stream),
        b'<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
        b'<< /Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P %d >>' % (
            owner.hex().encode(), rc4(key, PAD).hex().encode(), permissions),
    ]
    out, offsets = b'%PDF-1.4\n%\xe2\xe3\xcf\xd3\n', []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b'%d 0 obj\n%s\nendobj\n' % (number, body)
    xref = len(out)
    out += b'xref\n0 %d\n0000000000 65535 f \n' % (len(objects) + 1)
    out += b''.join(b'%010d 00000 n \n' % offset for offset in offsets)
    return out + (b'trailer\n<< /Size %d /Root 1 0 R /Encrypt 6 0 R /ID [<%s> <%s>] >>\nstartxref\n%d\n%%%%EOF\n' % (
        len(objects) + 1, ident.hex().encode(), ident.hex().encode(), xref))


write('pdf-encrypted.pdf', encrypted_pdf())
write('pdf-end.pdf', sample('sample.pdf')[:400])


# OOXML. Members are stored, not deflated, in an order whose first 4 KiB give nothing away.
def archive(name, *members):
    with zipfile.ZipFile(name, 'w') as z:
        for member, text in members:
            z.writestr(zipfile.ZipInfo(member, (2024, 1, 1, 0, 0, 0)), text)


def members(name):
    with zipfile.ZipFile(io.BytesIO(sample(name))) as z:
        return {m: z.read(m) for m in z.namelist()}


noise = b''.join(hashlib.sha256(b'%d' % n).digest() for n in range(160))
word, sheet = members('sample.docx'), members('sample.xlsx')
types = '[Content_Types].xml'
archive('office-no-document.docx', ('docProps/thumbnail.jpeg', noise), ('photos/a.jpg', noise[:100]))
archive('office-other-kind.docx', (types, sheet.pop(types)), ('docProps/thumbnail.jpeg', noise), *sheet.items())
archive('office-macros.docx', (types, word.pop(types)), *word.items(), ('word/vbaProject.bin', noise[:512]))
write('truncated.xlsx', sample('sample.xlsx')[:1000])

# Text.
line = 'Grüße, naïve café\n'
write('text-is-code.txt', rb'{\rtf1\ansi A \b bad\b0  sample of ferry.}')
write('text-utf-16.txt', line.encode('utf-16'))
write('text-not-utf-8.txt', line.encode('latin-1'))
write('text-nul.txt', b'\xef\xbb\xbf' + b'name\x00amount\n' * 3)
