class LineDialog: pass
