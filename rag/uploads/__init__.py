"""Briefs that users bring: kept in a folder of the index, and ingested one after another while others ask.

`Uploads` takes files and does what changes the corpus, `with_uploads` adds the folder to the paths of an ingest.
"""

from rag.uploads.folder import UPLOADS_FOLDER, UploadFolder, with_uploads
from rag.uploads.jobs import Item, Job, State, Task
from rag.uploads.removal import Removal
from rag.uploads.uploads import MAX_FILES, MAX_UPLOAD_BYTES, Uploads

__all__ = [
    "MAX_FILES",
    "MAX_UPLOAD_BYTES",
    "UPLOADS_FOLDER",
    "Item",
    "Job",
    "Removal",
    "State",
    "Task",
    "UploadFolder",
    "Uploads",
    "with_uploads",
]
