"""The one place that says which release this is. The build reads it as text; everything else imports it."""

VERSION = "0.1.0"
