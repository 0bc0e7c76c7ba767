"""Byte streams as programs write them, for tests that must hold on all of them."""

CORPORA: dict[str, bytes] = {
    "nothing": b"",
    "plain": b"".join(b"line %d of some plain text\r\n" % number for number in range(60)),
    "wrapped": b"a long line that wraps " * 30 + b"\r\nend",
    "coloured": b"".join(
        b"\x1b[%d;3%dmc%d \x1b[0m\x1b[38;5;%dm256\x1b[48;2;%d;9;9mtrue\x1b[0m\r\n" % (n % 10, n % 8, n, n * 4, n)
        for n in range(30)
    ),
    "attributes": b"\x1b[1;4:3;58:2::9:8:7mcurly\x1b[0m \x1b[2;3;9;53mold\x1b[0m \x1b[7;8mhidden\x1b[0m\x1b[5;21mtwo",
    "erased with a background": b"\x1b[44mab\x1b[K\r\n\x1b[48;2;1;2;3m\x1b[2K\x1b[2;5Hx\x1b[0m",
    "wide": "中文字符 한국어 日本語\r\n".encode() * 10,
    "joined": "\x1b[?2027h👨‍👩‍👧 🏳️‍🌈 🇩🇪 e\u0301o\u0308 n\u0303\r\n".encode() * 4,
    "box drawing": b"\x1b(0lqqqk\r\nx   x\r\nmqqqj\x1b(B plain \x0e",
    "links": b"\x1b]8;;http://a/1\x1b\\one\x1b]8;id=x;http://a/2\x1b\\two\x1b]8;;\x1b\\ none\r\n" * 3,
    "alternate screen": b"below\r\n" * 5 + b"\x1b[?1049h\x1b[2J\x1b[3;4H\x1b[31mon top\x1b[?25l\x1b[?1000h\x1b[?1006h",
    "scroll region": b"one\r\ntwo\r\nthree\r\nfour\x1b[2;3r\x1b[3;1H\n\nmoved\x1b[?6h",
    "modes": b"\x1b[?1h\x1b[?2004h\x1b[?1004h\x1b[>5u\x1b=\x1b[?7l\x1b[4h\x1b[3 q\x1b]0;a title\x07",
    "tab stops": b"\x1b[3g\x1b[1;4H\x1bH\x1b[1;9H\x1bH\r\ta\tb",
    "saved cursor": b"\x1b[2;7H\x1b[35m\x1b7\x1b[0m\x1b[5;1Hx",
    "colours of its own": b"\x1b]10;#112233\x07\x1b]11;#445566\x07\x1b]4;5;#010203\x07\x1b[35mpalette\x1b[?5h",
    "cut in a sequence": b"text\x1b[31;1",
    "cut in a character": "text 中".encode()[:-1],
    "cut in a title": b"text\x1b]0;half a ti",
    "pending wrap": b"\x1b[1;1H" + b"x" * 40,
    "line edits": b"abcdef\x1b[3D\x1b[P\x1b[2@\x1b[4h!\x1b[L\x1b[2M\x1b[1Jrest\x1b[S\x1b[T",
    "prompts": b"\x1b]133;A\x07$ \x1b]133;B\x07ls\r\n\x1b]133;C\x07out\r\n\x1b]133;D;0\x07",
}
