"""What people asked in the chat, what they were answered, and what they thought of it."""

from rag.userdata.rows import Feedback, SavedConversation, SavedTurn, Verdict
from rag.userdata.store import USERDATA_FILE, UserData

__all__ = ["USERDATA_FILE", "Feedback", "SavedConversation", "SavedTurn", "UserData", "Verdict"]
