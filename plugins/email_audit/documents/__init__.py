"""Attachments into text: office files, PDF, pictures, archives, mail inside mail.

The readers run in a process of their own (`worker.py`), within limits of time and memory.
"""
