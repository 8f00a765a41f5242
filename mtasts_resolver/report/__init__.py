"""The evidence in its forms: text, JSON, CSV, HTML; and the chain of reports already written."""
