"""Bitstreams for boards."""

from gen.board.boards import BOARDS, Board, find_board
from gen.board.build import build_bitstream
from gen.board.pll import PllSettings, pll_settings

__all__ = ["BOARDS", "Board", "PllSettings", "build_bitstream", "find_board", "pll_settings"]
