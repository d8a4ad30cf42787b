"""Tests in a real browser; their pictures lie in target/screenshots."""
