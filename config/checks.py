"""What `manage.py check --deploy` knows of this product's own mistakes: each with an id, a sentence and the fix."""
